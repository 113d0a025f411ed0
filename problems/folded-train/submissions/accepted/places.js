// Notes all wagons by their places.
var foldTrain = function(first) {
    const wagons = [];
    for (let wagon = first; wagon; wagon = wagon.next) wagons.push(wagon);
    const head = new ListNode();
    let last = head;
    for (let i = 0, j = wagons.length - 1; i <= j; i++, j--) {
        last = last.next = wagons[i];
        if (i < j) last = last.next = wagons[j];
    }
    last.next = null;
    return head.next;
};
