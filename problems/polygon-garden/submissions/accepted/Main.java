import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.StringTokenizer;

public class Main {
    public static void main(String[] args) throws IOException {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        int n = Integer.parseInt(input.readLine().trim());
        double[] x = new double[n];
        double[] y = new double[n];
        for (int i = 0; i < n; i++) {
            StringTokenizer line = new StringTokenizer(input.readLine());
            x[i] = Double.parseDouble(line.nextToken());
            y[i] = Double.parseDouble(line.nextToken());
        }
        double twiceArea = 0;
        double fence = 0;
        for (int i = 0; i < n; i++) {
            int next = (i + 1) % n;
            // Relative to the first post, which keeps the products small.
            twiceArea += (x[i] - x[0]) * (y[next] - y[0]) - (x[next] - x[0]) * (y[i] - y[0]);
            fence += Math.hypot(x[next] - x[i], y[next] - y[i]);
        }
        System.out.println(Math.abs(twiceArea) / 2 + " " + fence);
    }
}
