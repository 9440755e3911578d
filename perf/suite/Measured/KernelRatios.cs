using System.Diagnostics;
using System.Globalization;

namespace Tempo.Perf.Suite.Measured;

/// <summary>
/// The micro benchmarks of vector kernels (<c>tempo-micro kernels</c>), in a process of their own: how many times quicker than its scalar
/// twin each is, in the same run.
/// </summary>
internal static class KernelRatios
{
    /// <summary>
    /// Runs them once and notes the last ratio of each line, which is that of the widest vectors. False if the sources are not at hand.
    /// </summary>
    public static bool TryMeasure(Report report, Dictionary<string, Figure> figures)
    {
        const string Project = "perf/micro/Tempo.Perf.Micro.csproj";
        if (!File.Exists(Project)) return false;
        using Process process = Process.Start(
            new ProcessStartInfo(
                "dotnet", ["run", "-c", "Release", "--project", Project, "--", "kernels"])
            { RedirectStandardOutput = true })!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        report.Check("kernels ran", process.ExitCode == 0 ? null : $"exit code {process.ExitCode}");
        foreach (string line in text.Split('\n'))
        {
            if (!line.StartsWith("| `", StringComparison.Ordinal)) continue;
            string[] cells = line.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            if (cells.Length < 4 || !double.TryParse(cells[^1], CultureInfo.InvariantCulture, out double ratio)) continue;
            string name = $"kernel {cells[0]}";
            if (!figures.TryGetValue(name, out Figure? figure))
                figures[name] = figure = report.Figure(name, "times its scalar twin", isMoreBetter: true);
            figure.Add("ours", ratio);
        }

        return true;
    }
}
