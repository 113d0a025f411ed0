public class Field {
    private final int length;
    private final int width;

    public Field(int length, int width) {
        this.length = length;
        this.width = width;
    }

    public int area() {
        return length * width;
    }
}
