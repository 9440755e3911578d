using System.Globalization;
using System.Text;
using System.Text.Json;
using Tempo.Perf.Load.Observe;

namespace Tempo.Perf.Suite.Measured;

/// <summary>What a run found: figures, and whether answers were right. Markdown to read, JSON to keep, a line for the history.</summary>
internal sealed class Report(string ours, string? peer)
{
    private readonly List<Figure> _figures = [];
    private readonly List<string> _failures = [];
    private readonly List<string> _remarks = [];
    private int _checks;

    public bool IsRight => _failures.Count == 0 && _checks > 0;

    /// <summary>Notes that something was compared; <paramref name="difference"/> says what was wrong, null: nothing.</summary>
    public void Check(string what, string? difference)
    {
        _checks++;
        if (difference is null) return;
        _failures.Add($"{what}: {difference}");
        Console.Error.WriteLine($"WRONG: {_failures[^1]}");
    }

    public void Remark(string text) => _remarks.Add(text);

    public Figure Figure(string name, string unit, bool isMoreBetter)
    {
        var figure = new Figure(name, unit, isMoreBetter);
        _figures.Add(figure);
        return figure;
    }

    /// <summary>Of ours; not a number if it was not measured.</summary>
    public double Median(string name) => Measured.Figure.Median(_figures.Find(figure => figure.Name == name)?.Ours ?? []);

    public string ToMarkdown()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{Machine.CpuModel()}, {Environment.ProcessorCount} processors, Linux {Machine.Kernel()}; load average {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");
        text.AppendLine(CultureInfo.InvariantCulture, $"ours: {ours}{(peer is null ? "" : $"\npeer: {peer}")}\n");
        text.AppendLine(peer is null
            ? "| figure | unit | median | spread |\n|---|---|---|---|"
            : "| figure | unit | ours | spread | peer | spread | times better | spread | verdict |\n|---|---|---|---|---|---|---|---|---|");
        foreach (Figure figure in _figures.Where(static figure => figure.Ours.Count > 0))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {figure.Name} | {figure.Unit} | {MedianAndSpread(figure.Ours)} |");
            if (peer is not null)
                text.Append(CultureInfo.InvariantCulture,
                    $" {MedianAndSpread(figure.Peer)} | {MedianAndSpread(figure.Ratios())} | {figure.Verdict()} |");
            text.AppendLine();
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"\n{_checks} comparisons, {_failures.Count} wrong.");
        foreach (string failure in _failures) text.AppendLine(CultureInfo.InvariantCulture, $"- WRONG: {failure}");
        foreach (string remark in _remarks) text.AppendLine(CultureInfo.InvariantCulture, $"- {remark}");
        return text.ToString();
    }

    /// <summary>Everything, or, as a line of the history, the medians.</summary>
    public string ToJson(bool isHistory)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = !isHistory }))
        {
            json.WriteStartObject();
            json.WriteString("version", ours);
            if (peer is not null) json.WriteString("peer", peer);
            json.WriteString("finished_utc", DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
            json.WriteString("cpu", Machine.CpuModel());
            json.WriteNumber("cores", Environment.ProcessorCount);
            json.WriteBoolean("right", IsRight);
            json.WriteStartObject("figures");
            foreach (Figure figure in _figures.Where(static figure => figure.Ours.Count > 0)) WriteFigure(json, figure, isHistory);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteFigure(Utf8JsonWriter json, Figure figure, bool isHistory)
    {
        if (isHistory)
        {
            json.WriteNumber($"{figure.Name} ({figure.Unit})", Rounded(Measured.Figure.Median(figure.Ours)));
            return;
        }

        json.WriteStartObject(figure.Name);
        json.WriteString("unit", figure.Unit);
        foreach (var (name, values) in new[] { ("ours", figure.Ours), ("peer", figure.Peer), ("times_better", figure.Ratios()) })
        {
            if (values.Count == 0) continue;
            json.WriteStartArray(name);
            foreach (double value in values) json.WriteNumberValue(Rounded(value));
            json.WriteEndArray();
        }

        if (figure.Verdict() is { Length: > 0 } verdict) json.WriteString("verdict", verdict);
        json.WriteEndObject();
    }

    private static double Rounded(double value) =>
        double.Parse(value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string MedianAndSpread(List<double> values) =>
        values.Count == 0 ? " | " : $"{Shown(Measured.Figure.Median(values))} | {Shown(values.Min())} to {Shown(values.Max())}";

    private static string Shown(double value) => value.ToString(value >= 1000 ? "N0" : "G3", CultureInfo.InvariantCulture);
}
