class Solution:
    def heights(self, root: Optional[TreeNode]) -> List[int]:
        found = []
        def height(node):
            if not node:
                return 0
            found.append(1 + max(height(node.left), height(node.right)))
            return found[-1]
        height(root)
        return found
