"""Makes a tiny model for llama.cpp: one layer with random weights, and a token for each byte. It says nonsense, and always the same.

    python tiny_model.py FILE
"""

import sys

import gguf
import numpy

WIDTH, HEADS, HIDDEN, CONTEXT, LAYERS = 64, 4, 128, 512, 1
SPECIAL = ("<unk>", "<s>", "</s>")
TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant: "


def write(path):
    writer = gguf.GGUFWriter(path, "llama")
    write_shape(writer)
    vocabulary = write_tokens(writer)
    write_weights(writer, vocabulary, numpy.random.default_rng(4711))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_shape(writer):
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)


def write_tokens(writer):
    """Returns how many there are. Letters are tokens of their own beside the bytes, so that nonsense is text."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *letters, "\u2581"]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * (len(letters) + 1)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    return len(tokens)


def write_weights(writer, vocabulary, random):
    def matrix(name, rows, columns):
        writer.add_tensor(name, random.normal(0, 0.2, (rows, columns)).astype(numpy.float32))

    def scale(name):
        writer.add_tensor(name, numpy.ones(WIDTH, dtype=numpy.float32))

    matrix("token_embd.weight", vocabulary, WIDTH)
    scale("output_norm.weight")
    matrix("output.weight", vocabulary, WIDTH)
    for layer in range(LAYERS):
        scale(f"blk.{layer}.attn_norm.weight")
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"blk.{layer}.{part}.weight", WIDTH, WIDTH)
        scale(f"blk.{layer}.ffn_norm.weight")
        matrix(f"blk.{layer}.ffn_gate.weight", HIDDEN, WIDTH)
        matrix(f"blk.{layer}.ffn_up.weight", HIDDEN, WIDTH)
        matrix(f"blk.{layer}.ffn_down.weight", WIDTH, HIDDEN)


if __name__ == "__main__":
    write(sys.argv[1])
