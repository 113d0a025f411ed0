class Solution {
    function everyOther($head) {
        for ($node = $head; $node && $node->next; $node = $node->next) $node->next = $node->next->next;
        return $head;
    }
}
