// Walks level by level.
class Solution {
public:
    int deepestSum(TreeNode* plant) {
        vector<TreeNode*> level;
        if (plant) level.push_back(plant);
        int total = 0;
        while (!level.empty()) {
            vector<TreeNode*> next;
            total = 0;
            for (TreeNode* node : level) {
                total += node->val;
                if (node->left) next.push_back(node->left);
                if (node->right) next.push_back(node->right);
            }
            level = next;
        }
        return total;
    }
};
