// Keeps with each book the tallest one up to it.
class Shelf {
    private final Deque<int[]> books = new ArrayDeque<>();

    public void place(int height) {
        books.push(new int[] {height, Math.max(height, tallest())});
    }

    public int take() {
        return books.isEmpty() ? -1 : books.pop()[0];
    }

    public int tallest() {
        return books.isEmpty() ? -1 : books.peek()[1];
    }
}
