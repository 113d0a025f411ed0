function heights(root: TreeNode | null): number[] {
    const found: number[] = [];
    const height = (node: TreeNode | null): number => {
        if (!node) return 0;
        const tall = 1 + Math.max(height(node.left), height(node.right));
        found.push(tall);
        return tall;
    };
    height(root);
    return found;
};
