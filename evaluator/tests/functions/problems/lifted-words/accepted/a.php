class Solution {
    function liftedWords($text) {
        return array_values(array_filter(explode(' ', $text), fn($word) => $word !== ''));
    }
}
