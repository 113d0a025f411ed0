# Adds up all leaves.
class Solution:
    def deepestSum(self, plant):
        if not plant:
            return 0
        if not plant.left and not plant.right:
            return plant.val
        return self.deepestSum(plant.left) + self.deepestSum(plant.right)
