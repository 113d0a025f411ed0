# Walks level by level.
class Solution:
    def deepestSum(self, plant: Optional[TreeNode]) -> int:
        level, total = [plant] if plant else [], 0
        while level:
            total = sum(node.val for node in level)
            level = [child for node in level for child in (node.left, node.right) if child]
        return total
