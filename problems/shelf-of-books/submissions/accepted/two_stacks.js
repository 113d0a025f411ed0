// Keeps with each book the tallest one up to it.
class Shelf {
    books = [];
    place(height) { this.books.push([height, Math.max(height, this.tallest())]); }
    take() { return this.books.length > 0 ? this.books.pop()[0] : -1; }
    tallest() { return this.books.length > 0 ? this.books[this.books.length - 1][1] : -1; }
}
