using System.Globalization;
using System.Runtime.InteropServices;
using Tempo.Perf.Load.Verbs;

namespace Tempo.Perf.Work;

/// <summary>
/// What figures are allowed to be: a file for each kind of machine, one figure a line. <c>--update</c> writes it anew, and the difference
/// is reviewed like any other.
/// </summary>
/// <param name="folder">Where the files are.</param>
/// <param name="suffix">Behind the kind of machine, in the file's name.</param>
internal sealed class GateFile(string folder, string suffix)
{
    private readonly string _path = Path.Combine(folder, $"{Kind}{suffix}.txt");

    private static string Kind => $"{RuntimeInformation.OSArchitecture}-net{Environment.Version.Major}".ToLowerInvariant();

    /// <summary>
    /// The exit code: 0 if no figure is higher than allowed, and none is new or gone; with <paramref name="isUpdate"/>, the file is written
    /// and it is 0. Every figure is printed, beside what the file says.
    /// </summary>
    /// <param name="figures">What was measured.</param>
    /// <param name="isUpdate">Whether it is what is allowed from now on.</param>
    /// <param name="allowance">How far a figure, by its name and what the file says, may be off, in its unit.</param>
    public int Judge(IReadOnlyList<(string Name, double Value)> figures, bool isUpdate, Func<string, double, double> allowance)
    {
        if (isUpdate)
        {
            Directory.CreateDirectory(folder);
            File.WriteAllLines(_path, figures.Select(static f => string.Create(CultureInfo.InvariantCulture, $"{f.Value,9:F3}  {f.Name}")));
            Console.WriteLine($"{_path}: {figures.Count} figures");
            return 0;
        }

        if (!File.Exists(_path)) throw new OptionException($"there is no {_path}: gate --update makes it, on a commit known to be good");
        var lines = File.ReadLines(_path).Select(static line => line.Trim().Split("  ", 2));
        var allowed = lines.ToDictionary(static l => l[1], static l => double.Parse(l[0], CultureInfo.InvariantCulture));
        return Compare(figures, allowed, allowance) ? 0 : 1;
    }

    private static bool Compare(
        IReadOnlyList<(string Name, double Value)> figures, Dictionary<string, double> allowed, Func<string, double, double> allowance)
    {
        var isGood = true;
        foreach (var (name, value) in figures)
        {
            var isKnown = allowed.Remove(name, out var limit);
            var difference = value - limit;
            var isFar = Math.Abs(difference) > allowance(name, limit);
            var verdict = !isKnown ? "not in the file" : !isFar ? "" : difference > 0 ? "WORSE" : "better: --update";
            isGood &= isKnown && !(isFar && difference > 0);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{value,9:F3} {limit,9:F3}  {name} {verdict}").TrimEnd());
        }

        foreach (var name in allowed.Keys) Console.WriteLine($"{"",19}  {name} is no longer measured");
        return isGood && allowed.Count == 0;
    }
}
