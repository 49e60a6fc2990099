"""What is imported before commands are forked; nothing is opened or started here."""

from transformers import AutoTokenizer, LlamaForCausalLM

import editor_engine.key_index
import workflow.cli.main
import workflow.night
import workflow.workbench

__all__ = ["AutoTokenizer", "LlamaForCausalLM", "editor_engine", "workflow"]
