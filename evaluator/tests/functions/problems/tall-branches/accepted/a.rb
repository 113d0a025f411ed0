def heights(root)
  found = []
  height = lambda do |node|
    return 0 if node.nil?
    tall = 1 + [height.(node.left), height.(node.right)].max
    found << tall
    tall
  end
  height.(root)
  found
end
