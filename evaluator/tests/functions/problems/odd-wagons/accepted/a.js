var everyOther = function(head) {
    for (let node = head; node && node.next; node = node.next) node.next = node.next.next;
    return head;
};
