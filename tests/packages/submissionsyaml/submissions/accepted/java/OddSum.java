import java.util.Scanner;

public class OddSum {
    public static void main(String[] args) {
        System.out.println(Square.of((new Scanner(System.in).nextLong() + 1) / 2));
    }
}
