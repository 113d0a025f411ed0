import os
import sys

input_file, answer_file, feedback = sys.argv[1:4]
word = open(answer_file).read().split()[0]
state = feedback + "state.txt"
turn = int(open(state).read()) if os.path.exists(state) else 1


def say(text):
    with open(feedback + "judgemessage.txt", "a") as f:
        f.write("pass %d: %s\n" % (turn, text))


def wrong(text):
    say(text)
    with open(feedback + "teammessage.txt", "w") as f:
        f.write("Wrong in pass %d.\n" % turn)
    sys.exit(43)


def again(text):
    say("fine")
    with open(feedback + "/nextpass.in", "w") as f:
        f.write(text)
    with open(state, "w") as f:
        f.write(str(turn + 1))
    sys.exit(42)


words = sys.stdin.read().split()
if len(words) != 1:
    wrong("expected one word")
if turn == 1:
    if "e" in words[0]:
        wrong("there is an e in " + words[0])
    again("decode\n" + words[0] + "\n")
if turn == 2:
    if words[0] != word:
        wrong("%s is not %s" % (words[0], word))
    if len(word) <= 3:
        say("done after two passes")
        sys.exit(42)
    again("check\n%d\n" % len(word))
if turn == 3:
    if words[0] != str(len(word)):
        wrong("not the number")
    say("done")
    sys.exit(42)
sys.exit(1)
