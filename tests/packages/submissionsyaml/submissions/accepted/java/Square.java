public class Square {
    static long of(long x) {
        return x * x;
    }

    public static void main(String[] args) {
        System.out.println("not this one");
    }
}
