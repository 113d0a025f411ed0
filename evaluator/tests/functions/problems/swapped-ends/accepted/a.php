class Solution {
    function swappedEnds(&$letters) {
        $n = count($letters);
        if ($n > 0) [$letters[0], $letters[$n - 1]] = [$letters[$n - 1], $letters[0]];
    }
}
