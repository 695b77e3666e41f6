import subprocess
import sys


def test_what_starts_without_a_report_does_not_pay_for_scipy():
    """`anamnesis --help` and the API import these modules; scipy takes most of a second."""
    look = (
        "import sys, domain.services, domain.services.rendering_progress, domain.progress.caseload; "
        "print([name for name in sys.modules if name.split('.')[0] in ('numpy', 'scipy')])"
    )
    seen = subprocess.run(
        [
            sys.executable,
            "-c",
            look,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.strip() == "[]"
