using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Tempo.Perf.Load.Observe;

/// <summary>
/// A flame graph as SVG from the text of <c>perf script -F comm,ip,sym</c>: a box is a function with those that called it below, as wide as
/// its share of the samples, in alphabetical order. Titles show when the mouse is on them; nothing moves.
/// </summary>
internal sealed partial class FlameGraph
{
    private const double Width = 1600, RowHeight = 15, CharacterWidth = 6.2;

    /// <summary>Share of the samples below which a box is left out, and what it called.</summary>
    private const double LeastShare = 0.001;

    private readonly Frame _root = new();

    public int SampleCount => _root.Samples;

    /// <summary>Adds samples: the thread's name, a line for each frame with the innermost first, an empty line.</summary>
    public void Read(TextReader script)
    {
        string? thread = null;
        List<string> frames = [];
        while (script.ReadLine() is { } line)
        {
            if (line.Length == 0)
            {
                if (thread is not null) Add(thread, frames);
                (thread, frames) = (null, []);
            }
            else if (thread is null) thread = line.Trim();
            else frames.Add(Shortened(line.Trim()));
        }

        if (thread is not null) Add(thread, frames);
    }

    public string ToSvg(string title)
    {
        var boxes = new StringBuilder();
        int depth = DepthOf(_root) + 1;
        double height = (depth + 2) * RowHeight;
        Draw(boxes, _root, 0, 0, height);
        return string.Create(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{height}" font-family="monospace" font-size="10">
            <rect width="100%" height="100%" fill="#fff"/><text x="4" y="12">{WebUtility.HtmlEncode(title)}; {SampleCount} samples</text>
            {boxes}</svg>

            """);
    }

    private void Add(string thread, List<string> frames)
    {
        Frame at = _root;
        at.Samples++;
        at = at.Child(thread);
        at.Samples++;
        for (int i = frames.Count - 1; i >= 0; i--)
        {
            // What starts a thread or an async method says nothing.
            if (i > 0 && IsPlumbing(frames[i])) continue;
            at = at.Child(frames[i]);
            at.Samples++;
        }
    }

    private static bool IsPlumbing(string frame) =>
        frame.StartsWith("AsyncMethodBuilderCore.Start", StringComparison.Ordinal)
            || frame.Contains("ThreadEntryPoint", StringComparison.Ordinal) || frame.Contains("StartThread", StringComparison.Ordinal);

    // "7d0401 S_P_CoreLib_System_Threading_Thread__StartThread": the type and the method, without namespaces and generic arguments.
    private static string Shortened(string line)
    {
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        string name = space < 0 ? line : line[(space + 1)..].Trim();
        if (name.Length == 0 || name == "[unknown]") return "?";
        for (string whole = ""; whole != name; name = GenericArguments().Replace(name, "")) whole = name;
        name = name.Replace("__MoveNext", "", StringComparison.Ordinal);
        name = AsyncNumber().Replace(name, "");
        string[] parts = name.Split("__", StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length < 2) return name;
        return $"{parts[^2][(parts[^2].LastIndexOf('_') + 1)..]}.{parts[^1]}";
    }

    private int DepthOf(Frame frame) =>
        frame.Samples < LeastShare * SampleCount ? 0 : 1 + frame.Children.Values.Select(DepthOf).DefaultIfEmpty().Max();

    private void Draw(StringBuilder boxes, Frame frame, int depth, double left, double height)
    {
        foreach (var (name, child) in frame.Children.OrderBy(static child => child.Key, StringComparer.Ordinal))
        {
            double width = Width * child.Samples / SampleCount;
            if (child.Samples >= LeastShare * SampleCount)
            {
                double top = height - (depth + 1) * RowHeight;
                int room = (int)((width - 4) / CharacterWidth);
                string text = name.Length <= room ? name : room >= 4 ? name[..(room - 1)] + "…" : "";
                boxes.Append(CultureInfo.InvariantCulture,
                    $"<g><title>{WebUtility.HtmlEncode(name)}, {100.0 * child.Samples / SampleCount:F1} %</title><rect x=\"{left:F1}\" y=\"{top:F0}\" width=\"{Math.Max(0.5, width - 0.5):F1}\" height=\"{RowHeight - 1}\" fill=\"{ColourOf(name)}\"/>");
                if (text.Length > 0)
                    boxes.Append(CultureInfo.InvariantCulture,
                        $"<text x=\"{left + 2:F1}\" y=\"{top + 10:F0}\">{WebUtility.HtmlEncode(text)}</text>");
                boxes.Append("</g>\n");
                Draw(boxes, child, depth + 1, left, height);
            }

            left += width;
        }
    }

    // The same name has the same colour in every picture.
    private static string ColourOf(string name)
    {
        uint hash = 2166136261;
        foreach (char c in name) hash = (hash ^ c) * 16777619;
        return string.Create(CultureInfo.InvariantCulture, $"hsl({10 + hash % 45},{60 + (hash >> 8) % 30}%,{62 + (hash >> 16) % 16}%)");
    }

    // The innermost ones.
    [GeneratedRegex("<[^<>]*>")]
    private static partial Regex GenericArguments();

    [GeneratedRegex("_d__[0-9_]+")]
    private static partial Regex AsyncNumber();

    private sealed class Frame
    {
        public int Samples { get; set; }

        public Dictionary<string, Frame> Children { get; } = new(StringComparer.Ordinal);

        public Frame Child(string name)
        {
            if (!Children.TryGetValue(name, out Frame? child)) Children[name] = child = new Frame();
            return child;
        }
    }
}
