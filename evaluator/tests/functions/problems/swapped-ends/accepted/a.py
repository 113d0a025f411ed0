class Solution:
    def swappedEnds(self, letters: List[str]) -> None:
        """Changes letters in place."""
        if letters:
            letters[0], letters[-1] = letters[-1], letters[0]
