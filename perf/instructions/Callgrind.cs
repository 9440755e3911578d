using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Instructions;

/// <summary>valgrind's callgrind over this very program: instructions of the work that it counts (<see cref="CountedWork"/>).</summary>
internal static partial class Callgrind
{
    private const string DumpName = "counts", MainThread = "01";

    /// <summary>
    /// The pieces in their order, with the instructions of each by its units. <paramref name="folder"/> is emptied, and gets what callgrind
    /// wrote of each piece, under its name.
    /// </summary>
    public static List<(string Name, double Value)> Count(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        var lines = RunPieces(folder);
        var figures = new List<(string, double)>();
        foreach (var line in lines)
        {
            var units = line[..line.IndexOf(' ', StringComparison.Ordinal)];
            var name = line[(units.Length + 1)..];
            var dump = Path.Combine(folder, $"{DumpName}.{figures.Count + 1}-{MainThread}");
            if (!File.Exists(dump)) throw new OptionException($"callgrind wrote nothing of '{name}': does it find {CountedWork.Symbol}?");
            figures.Add((name, TotalOf(dump) / double.Parse(units, CultureInfo.InvariantCulture)));
            var piece = name[(name.IndexOf(": ", StringComparison.Ordinal) + 2)..];
            File.Move(dump, Path.Combine(folder, NotInNames().Replace(piece, "-").Trim('-')), overwrite: true);
        }

        foreach (var rest in Directory.EnumerateFiles(folder, $"{DumpName}*")) File.Delete(rest);
        return figures;
    }

    private static string[] RunPieces(string folder)
    {
        string[] arguments =
        [
            // Of each thread for itself: that of finalizers runs when it likes.
            "--tool=callgrind", "--separate-threads=yes", $"--callgrind-out-file={Path.Combine(folder, DumpName)}",
            $"--zero-before={CountedWork.Symbol}", $"--dump-after={CountedWork.Symbol}", Environment.ProcessPath!, "pieces",
        ];
        var start = new ProcessStartInfo("valgrind", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var valgrind = Start(start);
        var errors = valgrind.StandardError.ReadToEndAsync();
        var output = valgrind.StandardOutput.ReadToEnd();
        valgrind.WaitForExit();
        if (valgrind.ExitCode != 0) throw new OptionException($"valgrind ended with {valgrind.ExitCode}:\n{output}{errors.Result}");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            throw new OptionException("instructions are counted by valgrind, which is not here (Debian's package: valgrind)");
        }
    }

    private static long TotalOf(string dump)
    {
        const string Label = "totals: ";
        var line = File.ReadLines(dump).LastOrDefault(static line => line.StartsWith(Label, StringComparison.Ordinal));
        if (line is null) throw new OptionException($"{dump} has no total");
        return long.Parse(line.AsSpan(Label.Length), CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("[^A-Za-z0-9]+")]
    private static partial Regex NotInNames();
}
