"""Which of PEFT's tests don't run on our method, or must fail on it, and why.

Three tables. A row or a test that is LEFT_OUT is about another method and has no case here. A case that is EXCLUDED runs
and must fail: it fails the suite once it passes. A test SKIPPED_BY_PEFT decides in its body that it isn't for us.
"""

from fnmatch import fnmatchcase
from typing import NamedTuple

# Rows of PEFT's custom models ------------------------------------------------------------------------------------------

DORA = "DoRA is a variant of LoRA: its magnitude vector has no place in a sum of routed experts"
CONVOLUTION = "a convolution: our method adapts linear layers"
EMBEDDING = "an embedding: our method adapts linear layers"
ATTENTION = "nn.MultiheadAttention: our method adapts linear layers, and feed-forward blocks found by structure"
PARAMETER = "nn.Parameter as a target: our method adapts linear layers"
LORA_BIAS = "a bias on B: our experts are pairs of matrices"
VARIANT = "a variant that LoRA's own layer implements; experts have one kind of factors"
TOKENS = "trainable_token_indices is an option of LoRA's configuration; modules_to_save trains the embedding instead"

ROWS_LEFT_OUT = {
    "Vanilla MLP 7 LoRA with DoRA": DORA,
    "Vanilla MLP 8 LoRA with DoRA": DORA,
    "Vanilla MLP 1 LoRA with KaSA": VARIANT,
    "Vanilla MLP 1 LoRA with MiCA": VARIANT,
    "Vanilla MLP 9 LoRA with DoRA": DORA,
    "Vanilla MLP 10 LoRA with VeLoRA random": VARIANT,
    "Vanilla MLP 11 LoRA with VeLoRA batch_average": VARIANT,
    "Vanilla MLP 12 LoRA with VeLoRA batch_average_once": VARIANT,
    "Embedding + transformers Conv1D 2 LoRA": EMBEDDING,
    "Embedding + transformers Conv1D 3 LoRA": EMBEDDING,
    "Embedding + transformers Conv1D 1 DoRA": DORA,
    "Embedding + transformers Conv1D 2 DoRA": DORA,
    "Embedding + transformers Conv1D 3 DoRA": DORA,
    "Embedding + transformers Conv1D 1 LoRA trainable_tokens": TOKENS,
    "Conv1d LoRA": CONVOLUTION,
    "Conv1d LoRA with DoRA": CONVOLUTION,
    "Conv2d 1 LoRA": CONVOLUTION,
    "Conv2d 2 LoRA": CONVOLUTION,
    "Conv2d 1 LoRA with DoRA": CONVOLUTION,
    "Conv2d 2 LoRA with DoRA": CONVOLUTION,
    "Conv2d Groups LoRA": CONVOLUTION,
    "Conv2d Groups2 LoRA": CONVOLUTION,
    "Conv2d Groups LoRA with DoRA": CONVOLUTION,
    "Conv2d Groups2 LoRA with DoRA": CONVOLUTION,
    "Conv3d 1 LoRA": CONVOLUTION,
    "Conv3d 2 LoRA": CONVOLUTION,
    "Conv3d 1 LoRA with DoRA": CONVOLUTION,
    "Conv3d 2 LoRA with DoRA": CONVOLUTION,
    "Vanilla MLP 1 LoRA with lora_b bias": LORA_BIAS,
    "Conv2d 1 LoRA with lora_b bias": CONVOLUTION,
    "Conv3d 1 LoRA with lora_b bias": CONVOLUTION,
    "MHA 1 LoRA": ATTENTION,
    "MHA 2 LoRA": ATTENTION,
    "MLP 1 using nn.Parameter LoRA": PARAMETER,
    "MLP 2 using nn.Parameter LoRA": PARAMETER,
    "Vanilla MLP 1 LoRA with Monteclora": VARIANT,
    "BD-LoRA A only": VARIANT,
    "BD-LoRA B only": VARIANT,
    "BD-LoRA both A and B": VARIANT,
}

# Whole tests -----------------------------------------------------------------------------------------------------------

OTHER = "the test of another method: its body names that method's configuration or layers"
VIRTUAL = "virtual tokens: a test of prompt learning"
WEIGHTED = "add_weighted_adapter is LoRA's: a mixture of our experts is set with set_mixture, or exported"

OTHER_METHODS = [
    "ia3",
    "adalora",
    "loha",
    "lokr",
    "oft",
    "hra",
    "miss",
    "boft",
    "lntuning",
    "vera",
    "pvera",
    "randlora",
    "vblora",
    "fourierft",
]

CLASSES_LEFT_OUT = {
    "TestMultiRankAdapter": "rank_pattern is an option of LoRA's configuration: our experts share one rank",
    "TestLayerRepr": "how LoRA's own layers print themselves",
    "TestMixedAdapterBatches": "adapter_names: one batch, one adapter of ours; its experts are chosen by token",
    "TestDefaultTargetModules": "a table of targets by model type: without targets, ours are found by structure",
    "TestDynamicDispatch": "a registry of custom layers that only LoRA has",
}

LEFT_OUT: dict[str, dict[str, str]] = {
    "TestPeftCustomModel": {
        "test_trainable_tokens_random_init_unmerge_restores_base_weights": OTHER,
        "test_ia3_grouped_conv_feedforward_merge": OTHER,
        "test_ia3_safe_merge_does_not_mutate_base_layer_on_non_finite_bias": OTHER,
        "test_glora_safe_merge_does_not_corrupt_base_layer_on_non_finite_adapter": OTHER,
        "test_lora_safe_merge_does_not_mutate_base_layer_on_non_finite_bias": LORA_BIAS,
        "test_merge_with_lora_bias_when_base_layer_has_no_bias_warns_and_raises": LORA_BIAS,
        "test_set_adapter_non_overlapping_trainable_token_indices": TOKENS,
        "test_multiple_active_adapters_with_same_trainable_token_indices_raises": TOKENS,
        "test_multiple_active_adapters_with_different_trainable_token_indices_works": TOKENS,
        "test_delete_adapter_multiple_adapters_with_trainable_token_indices": TOKENS,
        "test_set_requires_grad_trainable_tokens": OTHER,
        "test_multiple_adapters_mixed_modules_to_save_merging_adapters": WEIGHTED,
        "test_multiple_adapters_same_modules_to_save_merging_adapters_raises": WEIGHTED,
        "test_multiple_adapters_seq_cls_mixed_modules_to_save_merging_adapters": WEIGHTED,
        "test_add_weighted_adapter_cat_with_rank_pattern": WEIGHTED,
        "test_add_weighted_adapter_negative_weight_negates_adapter": WEIGHTED,
        "test_add_weighted_adapter_subtraction_with_negative_weights": WEIGHTED,
        "test_add_weighted_adapter_with_different_scaling": WEIGHTED,
        "test_save_pretrained_targeting_lora_to_embedding_layer": EMBEDDING,
        "test_save_pretrained_targeting_lora_to_embedding_layer_non_transformers": EMBEDDING,
        "test_load_resized_embedding_ignore_mismatched_sizes": EMBEDDING,
        "test_gpt2_dora_merge_and_unload": DORA,
        "test_gpt2_dora_merge_and_unload_safe_merge": DORA,
        "test_unload_adapter_multihead_attention": ATTENTION,
        "test_dora_save_and_load_remapping": DORA,
        "test_gralora_and_hybrid_gralora_parameter_count": OTHER,
        "test_mha_gradients_set_correctly": ATTENTION,
        "test_monteclora_variational_loss_computation": OTHER,
        "test_monteclora_variational_loss_computation_eval_mode": OTHER,
        "test_pvera_reproducible": OTHER,
        "test_pvera_generator_is_per_adapter": OTHER,
        "test_pvera_no_generator_seed_means_no_generator": OTHER,
    },
    "TestMultipleActiveAdapters": {
        "test_multiple_active_dora_adapters_merge_matches_forward": DORA,
        "test_plain_lora_and_dora_adapters_merge_matches_forward": DORA,
        "test_multiple_active_dora_adapters_safe_and_unsafe_merge_agree": DORA,
    },
    "TestRequiresGrad": {
        **{
            f"test_requires_grad_{method}_{where}_targets": OTHER
            for method in OTHER_METHODS
            for where in ("different", "same")
        },
        "test_requires_grad_ia3_conv1d": OTHER,
        "test_requires_grad_ia3_conv2d": OTHER,
        "test_requires_grad_follows_inference_mode_trainable_token_indices": TOKENS,
        "test_requires_grad_lora_conv2d": CONVOLUTION,
        "test_requires_grad_lora_emb_conv1d": EMBEDDING,
        "test_loading_model_with_trainble_tokens_requires_grad_set_correctly": TOKENS,
        "test_loading_adapter_preserves_custom_requires_grad": OTHER,
    },
    "TestPeftFsdpStateDict": {},
    "TestDecoderModels": {
        "test_prompt_tuning_text_tokenizer_kwargs": VIRTUAL,
        "test_prompt_tuning_trust_remote_code": VIRTUAL,
        "test_prompt_tuning_config_invalid_args": VIRTUAL,
        "test_generate_adalora_no_dropout": OTHER,
        "test_lora_layer_replication": "layer_replication is an option of LoRA's configuration",
        "test_prefix_tuning_qwen2_with_grouped_query_attention": VIRTUAL,
        "test_prefix_tuning_qwen3_with_grouped_query_attention": VIRTUAL,
        "test_prefix_tuning_offsets_position_ids_in_forward": VIRTUAL,
        "test_prefix_tuning_mistral": VIRTUAL,
        "test_prompt_tuning_prepare_inputs_for_generation_4d_attention_mask": VIRTUAL,
        "test_prompt_learning_with_gradient_checkpointing": VIRTUAL,
        "test_save_pretrained_targeting_lora_to_embedding_layer": EMBEDDING,
        "test_lora_embed_scale_is_applied": EMBEDDING,
        "test_lora_embed_scale_is_applied_mixed_batch": EMBEDDING,
        "test_merge_and_unload_fixes_tie_word_embeddings_config": EMBEDDING,
        "test_prefix_tuning_gemma4_works": VIRTUAL,
        "test_prefix_tuning_gemma4_warns_if_some_layers_skipped": VIRTUAL,
        "test_prefix_tuning_gemma4_raises_if_all_layers_skipped": VIRTUAL,
    },
}

# Single cases ----------------------------------------------------------------------------------------------------------


class Exclusion(NamedTuple):
    """Cases of `test` (class::function) whose id matches the glob `case`, and why they can't hold for our method.

    They must fail by raising the error named `raises`, one of ours or Python's: any other is a failure.
    """

    test: str
    case: str
    reason: str
    raises: str = "MergeRefused"

    def matches(self, test: str, case: str) -> bool:
        return self.test == test and fnmatchcase(case, self.case)


ROUTER = "the router stays in float32 when a 16-bit type is asked for: rounded, it would choose other experts"
MIXED = "PeftMixedModel adds up methods that PEFT knows, in a list of its own"
BIAS = "an option to train the biases of the base, which our configuration doesn't have"
TOGETHER = "two experts for whole FFNs: their sum isn't an FFN, so no weights are the merge of both, and it raises"
LOOSE = "OPT's FFN lies loose in its decoder layer: a block takes both layers in, under other keys until it is unloaded"
MERGE = "four routed experts: which of them a weight should hold depends on the token, so merging raises and says so"


def merging(test_class: str, *functions: str) -> list[Exclusion]:
    return [Exclusion(f"{test_class}::{function}", "*four*", MERGE) for function in functions]


EXCLUDED = [
    *merging(
        "TestPeftCustomModel",
        "test_merge_layers",
        "test_merge_layers_fp16",
        "test_merge_layers_is_idempotent",
        "test_merge_layers_is_deterministic_in_train_mode",
        "test_safe_merge",
        "test_forward_float16",
        "test_forward_bfloat16",
        "test_forward_float16_no_autocast",
        "test_forward_bfloat16_no_autocast",
        "test_disable_adapters_with_merging",
        "test_delete_merged_adapter_raises_without_mutation",
        "test_delete_merged_adapter_only_rejects_the_merged_one",
    ),
    *merging(
        "TestMultipleActiveAdapters",
        "test_multiple_active_adapters_merge_and_unmerge",
        "test_merge_layers_multi",
        "test_sequential_merge_matches_batch_merge",
        "test_unmerge_after_sequential_merge_restores_base",
    ),
    Exclusion("TestPeftCustomModel::test_adapter_dtype_autocast", "*-False-dtype[01]-*-four", ROUTER, "AssertionError"),
    Exclusion(
        "TestPeftCustomModel::test_add_adapter_rejects_duplicate_name_without_mutation", "True", MIXED, "ValueError"
    ),
    Exclusion("TestDecoderModels::test_merge_layers_multi", "block-one-*", TOGETHER),
    Exclusion("TestDecoderModels::test_get_base_model_state_dict", "block-*-opt", LOOSE, "AssertionError"),
    Exclusion("TestDecoderModels::test_add_adapter_no_autocast_adapter_dtype", "*four*", ROUTER, "AssertionError"),
    *merging(
        "TestDecoderModels",
        "test_merge_layers",
        "test_merge_layers_multi",
        "test_merge_layers_nan",
        "test_merge_layers_fp16",
    ),
]

SKIPPED_BY_PEFT = [
    Exclusion("TestPeftCustomModel::test_disable_adapter_with_bias_warns", "*", "PEFT skips it for every method"),
    Exclusion(
        "TestPeftCustomModel::test_active_adapter",
        "vanilla-mlp-5-*",
        "PEFT allows one active adapter with modules_to_save",
    ),
    Exclusion("TestPeftCustomModel::test_adding_multiple_adapters_with_bias_raises", "*", BIAS),
    Exclusion("TestPeftFsdpStateDict::test_save_load_roundtrip_fsdp_wrapped_learnable_bias", "*", BIAS),
    Exclusion("TestDecoderModels::test_adding_multiple_adapters_with_bias_raises", "*", BIAS),
    *(
        Exclusion(f"TestDecoderModels::{function}", "*", reason)
        for function, reason in (
            ("test_prompt_tuning_text_prepare_for_training", VIRTUAL),
            ("test_prompt_tuning_sample_vocab_prepare_for_training", VIRTUAL),
            ("test_training_prompt_learning_tasks", VIRTUAL),
            ("test_set_requires_grad_prompt_learning_raises", VIRTUAL),
            ("test_mixed_adapter_batches", CLASSES_LEFT_OUT["TestMixedAdapterBatches"]),
            ("test_generate_with_mixed_adapter_batches", CLASSES_LEFT_OUT["TestMixedAdapterBatches"]),
            ("test_weighted_combination_of_adapters", WEIGHTED),
        )
    ),
]


def exclusion_of(test: str, case: str) -> Exclusion | None:
    """Why the case must fail; None where it must pass."""
    return next((one for one in EXCLUDED if one.matches(test, case)), None)


def is_skipped_by_peft(test: str, case: str) -> bool:
    return any(one.matches(test, case) for one in SKIPPED_BY_PEFT)
