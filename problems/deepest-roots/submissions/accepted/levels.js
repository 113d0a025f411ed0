// Walks level by level.
var deepestSum = function(plant) {
    let level = plant ? [plant] : [], total = 0;
    while (level.length > 0) {
        total = level.reduce((sum, node) => sum + node.val, 0);
        level = level.flatMap((node) => [node.left, node.right].filter(Boolean));
    }
    return total;
};
