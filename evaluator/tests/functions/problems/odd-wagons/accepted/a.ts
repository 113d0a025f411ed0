function everyOther(head: ListNode | null): ListNode | null {
    let node = head;
    while (node && node.next) {
        node.next = node.next.next;
        node = node.next;
    }
    return head;
};
