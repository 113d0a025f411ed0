class Solution {
    private $found = [];

    function heights($root) {
        $this->height($root);
        return $this->found;
    }

    private function height($node) {
        if ($node === null) return 0;
        $tall = 1 + max($this->height($node->left), $this->height($node->right));
        $this->found[] = $tall;
        return $tall;
    }
}
