static int height(struct TreeNode* node, int* found, int* count) {
    if (!node) return 0;
    int left = height(node->left, found, count), right = height(node->right, found, count);
    int tall = 1 + (left > right ? left : right);
    found[(*count)++] = tall;
    return tall;
}

int* heights(struct TreeNode* root, int* returnSize) {
    int* found = malloc(1000 * sizeof(int));
    *returnSize = 0;
    height(root, found, returnSize);
    return found;
}
