import java.util.Scanner;

public class Surveyor {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        System.out.println(new Field(in.nextInt(), in.nextInt()).area());
    }
}
