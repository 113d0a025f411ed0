var heights = function(root) {
    const found = [];
    const height = (node) => {
        if (!node) return 0;
        found.push(1 + Math.max(height(node.left), height(node.right)));
        return found[found.length - 1];
    };
    height(root);
    return found;
};
