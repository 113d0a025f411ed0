class Solution:
    def liftedWords(self, text: str) -> List[str]:
        return text.split()
