# Arguments: language, entry point, feedback folder, then either lines=N or without=WORD.
import os
import sys

language, entry_point, feedback, rule = sys.argv[1:5]
text = ""
for name in sorted(os.listdir(".")):
    if name.endswith(".py"):
        text += open(name).read()
key, value = rule.split("=")
ok = len(text.splitlines()) <= int(value) if key == "lines" else value not in text
if language != "python3":
    ok = False
with open(feedback + "judgemessage.txt", "w") as f:
    f.write("%s: %s\n" % (rule, "fine" if ok else "violated"))
sys.exit(42 if ok else 43)
