"""A verification as a command asks for it: where the key and the checkpoints come from, and what is told of it."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine

from adapters.event_store.recorder import Recorder
from adapters.log.notes import VerifierKey
from domain.errors import Invalid
from ops.console import Voice
from ops.publishing import place_of, signer_of
from ops.settings import Settings
from ops.verifying.database import events_database
from ops.verifying.exports import check_export
from ops.verifying.fetching import fetched
from ops.verifying.findings import Finding, Kind, Report
from ops.verifying.reader import snapshot
from ops.verifying.trust import Trusted, in_database, off_the_box, trusted
from ops.verifying.verify import verify_log

_SHOWN: Final = 200


class NotCosigned(Invalid):
    """Nothing would be left to hold the log against, or not all that was given."""

    code = "not_cosigned"
    message = "A checkpoint lacks the cosignature of a witness that was named."
    hint = (
        "Ask the witness, or bring a checkpoint that it has cosigned; without --witness the log's own signature counts."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`places` are files or addresses of checkpoints. Each question answers whether all is well."""

    settings: Settings
    speaker: Voice
    places: tuple[str, ...] = ()
    key: VerifierKey | None = None
    witnesses: tuple[VerifierKey, ...] = ()

    def log(self, *, strict: bool) -> bool:
        """Raises NoLog, Invalid, NotCosigned, NoteInvalid, CheckpointUnreadable, OffBoxUnavailable, LogKeyUnusable,
        StoreUnavailable.
        """
        with events_database(self.settings) as engine:
            key = self.key or self._own_key(engine)
            report, used = self._held(engine, key, newest_only=True)
            if not self.places and any(each.kind in {Kind.FORKED, Kind.UNPROVEN} for each in report.findings):
                # More checkpoints narrow down where it went wrong.
                report, used = self._held(engine, key, newest_only=False)
        self._tell(report, used, strict=strict)
        return report.sound(strict=strict)

    def export(self, path: str) -> bool:
        """Sound where something is proven and nothing wrong. Raises Invalid, NoteInvalid, CheckpointUnreadable."""
        if self.key is None:
            raise Invalid("An export is checked with the verifier key of the log: give it with --key.", field="key")
        others = trusted((fetched(each) for each in self.places), self.key, self.witnesses).checkpoints
        report = check_export(path, self.key, self.witnesses, others)
        for line, why in report.wrong[:_SHOWN]:
            self.speaker.warn("export_line", f"Line {line:,}: {why}.", line=line, why=why)
        sound = report.proven > 0 and not report.wrong
        (self.speaker.say if sound else self.speaker.warn)(
            "export_sound" if sound else "export_unsound",
            f"Leaves of {report.proven:,} of {report.entries:,} entries are proven to stand at their positions in the log; "
            f"{report.unprotected:,} are past the checkpoint over {report.size:,} positions; {len(report.wrong):,} are "
            "wrong. What an entry says is sealed under its leaf: that its text is the sealed one only the deployment can "
            "show.",
            entries=report.entries,
            proven=report.proven,
            unprotected=report.unprotected,
            wrong=len(report.wrong),
            size=report.size,
        )
        return sound

    def views(self) -> bool:
        """Raises what `build` raises."""
        from ops.bootstrap import Part, build  # noqa: PLC0415 - everything else of the product, which `log` needs not
        from ops.verifying.views import check_views  # noqa: PLC0415 - as above

        with (
            build(self.settings, parts=Part.PROJECTIONS) as system,
            self.speaker.track("verifying_views", "Positions", system.recorder.last_position()) as advance,
        ):
            report = check_views(system, advance)
        self._findings(report.findings)
        (self.speaker.warn if report.findings else self.speaker.say)(
            "views_unsound" if report.findings else "views_sound",
            f"{report.compared:,} rows of views were held against the log up to position {report.position:,}; "
            + (f"{len(report.findings):,} ranges differ." if report.findings else "they say the same."),
            compared=report.compared,
            position=report.position,
            findings=len(report.findings),
        )
        return not report.findings

    def _own_key(self, engine: Engine) -> VerifierKey | None:
        signer = signer_of(self.settings, Recorder(engine))
        if signer is None:
            self.speaker.warn("no_key", "There is no verifier key to check signatures with: give one with --key.")
            return None
        self.speaker.warn(
            "own_key", "The verifier key is this machine's own; whoever checks for others brings it along (--key)."
        )
        return signer.verifier

    def _held(self, engine: Engine, key: VerifierKey | None, *, newest_only: bool) -> tuple[Report, Trusted]:
        used = self._trusted(engine, key, newest_only=newest_only)
        with snapshot(engine) as reader, self.speaker.track("verifying", "Positions", reader.size()) as advance:
            report = verify_log(
                reader,
                used.checkpoints,
                keys=[key] if key else [],
                cosigned=used.cosigned if self.witnesses else 0,
                progress=advance,
            )
        return report, used

    def _trusted(self, engine: Engine, key: VerifierKey | None, *, newest_only: bool) -> Trusted:
        if key is None and self.places:
            raise Invalid("A checkpoint is checked with the verifier key of the log: give it with --key.", field="key")
        if key is None:
            return Trusted((), source="none")
        if self.places:
            given = trusted((fetched(each) for each in self.places), key, self.witnesses, "given")
            if given.left_out:
                raise NotCosigned(left_out=given.left_out)
            return given
        used = self._kept(engine, key, newest_only=newest_only)
        if used.left_out and newest_only:  # an older one may have its cosignatures
            used = self._kept(engine, key, newest_only=False)
        if used.left_out and not used.checkpoints:
            raise NotCosigned(left_out=used.left_out)
        return used

    def _kept(self, engine: Engine, key: VerifierKey, *, newest_only: bool) -> Trusted:
        place = place_of(self.settings)
        if place is not None:
            return trusted(off_the_box(place, newest_only=newest_only), key, self.witnesses, "off_box")
        return trusted(in_database(engine, newest_only=newest_only), key, self.witnesses, "database")

    def _tell(self, report: Report, used: Trusted, *, strict: bool) -> None:
        if used.source == "database":
            self.speaker.warn(
                "checkpoints_of_the_database",
                "The checkpoints are the database's own: whoever rules it can hide newer ones. Bring one from elsewhere "
                "(--checkpoint), or set ANAMNESIS_OFF_BOX.",
            )
        if used.left_out:
            self.speaker.warn("not_cosigned", f"{used.left_out} checkpoints lack a cosignature that was asked for.")
        self._findings(report.findings)
        sound = report.sound(strict=strict)
        covered = f"the newest checkpoint covers {report.covered:,}" if report.covered else "no checkpoint covers any"
        (self.speaker.say if sound or not self.speaker.terminal else self.speaker.warn)(
            "log_sound" if sound else "log_unsound",
            f"{'Nothing' if sound else 'Something'} is wrong with the log: {report.rows:,} rows up to position "
            f"{report.last_position:,} were read; {covered}.",
            rows=report.rows,
            last_position=report.last_position,
            covered=report.covered,
            cosigned=report.cosigned,
            checkpoints=report.checkpoints,
            source=used.source,
            findings=len(report.findings),
        )

    def _findings(self, findings: tuple[Finding, ...]) -> None:
        for finding in findings[:_SHOWN]:
            # Findings are what was asked for: scripts read them where results are.
            tell = self.speaker.warn if self.speaker.terminal and not finding.harmless else self.speaker.say
            tell("finding", finding.text, **finding.facts())
        if len(findings) > _SHOWN:
            more = len(findings) - _SHOWN
            self.speaker.warn("more_findings", f"… and {more:,} more.", count=more)
