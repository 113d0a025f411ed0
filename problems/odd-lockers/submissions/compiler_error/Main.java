import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner input = new Scanner(System.in);
        // An int is not a boolean in Java.
        int[] open = new int[1_000_001];
        int total = 0;
        for (int k = input.nextInt(); k > 0; k--) {
            if (open[k]) total++;
        }
        System.out.println(total);
    }
}
