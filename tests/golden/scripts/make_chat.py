"""tests/golden/chat/smollm2.json: the SmolLM2 template, the golden conversations and what transformers makes of them.

usage: make_chat.py SHARED_DIR OUT_DIR

SHARED_DIR is the reference folder whose golden/chat was made by its gen_chat.py. Kept per conversation: the rendered
texts, the assistant's spans in bytes, and the ids and trained ranges of the SmolLM2 tokenizer.
"""
import json
import os
import sys

shared, out_dir = sys.argv[1:]


def load(*parts):
    with open(os.path.join(shared, *parts), encoding="utf-8") as f:
        return json.load(f)


golden = load("golden", "chat", "smollm2-135m.json")
with open(os.path.join(shared, "tokenizers", "smollm2-135m", "chat_template.jinja"), encoding="utf-8") as f:
    source = f.read()
conversations = {c["name"]: c for c in load("golden", "chat", "conversations.json")}
rows = []
for result in golden["results"]:
    conversation = conversations[result["name"]]
    rows.append({
        "name": result["name"],
        "messages": conversation["messages"],
        "tools": conversation.get("tools"),
        "text": result["text"],
        "text_gen": result["text_gen"],
        "spans": [{"start_utf8": s["start_utf8"], "end_eot_utf8": s["end_eot_utf8"], "stable": s["stable"]}
                  for s in result["spans"]],
        "tokens": {"smollm2-135m": result["tokens"]["smollm2-135m"]},
    })
with open(os.path.join(out_dir, "smollm2.json"), "w", encoding="utf-8") as f:
    head = {"source": source, "bos_token": golden["bos_token"], "eos_token": golden["eos_token"]}
    f.write(json.dumps(head)[:-1] + ', "results": [\n' + ",\n".join(json.dumps(r) for r in rows) + "\n]}\n")
