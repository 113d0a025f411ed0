# Reverses the train.
class Solution:
    def foldTrain(self, first):
        done = None
        while first:
            first.next, done, first = done, first, first.next
        return done
