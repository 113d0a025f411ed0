class Solution {
    vector<int> found;
    int height(TreeNode* node) {
        if (!node) return 0;
        int tall = 1 + max(height(node->left), height(node->right));
        found.push_back(tall);
        return tall;
    }
public:
    vector<int> heights(TreeNode* root) {
        height(root);
        return found;
    }
};
