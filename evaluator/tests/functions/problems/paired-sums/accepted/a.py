class Solution:
    def pairedSums(self, rows: List[List[int]], wide: bool) -> int:
        return sum(sum(row) if wide else sum(row[:1]) for row in rows)
