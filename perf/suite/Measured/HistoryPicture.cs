using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Tempo.Perf.Suite.Measured;

/// <summary>
/// An SVG with a small chart for each figure of a history: its medians over the commits, oldest left. The vertical axis begins at 0.
/// </summary>
internal static class HistoryPicture
{
    private const int Columns = 3, Width = 300, Height = 110, Left = 8, Top = 34, PlotWidth = 220, PlotHeight = 56;

    /// <param name="lines">Lines as <see cref="Report.ToJson"/> writes them for a history.</param>
    public static string Draw(IEnumerable<string> lines)
    {
        List<JsonElement> runs =
            [.. lines.Where(static line => line.Length > 0).Select(static line => JsonDocument.Parse(line).RootElement)];
        string[] names = [.. runs.SelectMany(
            static run => run.GetProperty("figures").EnumerateObject().Select(static figure => figure.Name)).Distinct()];
        int rows = (names.Length + Columns - 1) / Columns;
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"""<svg xmlns="http://www.w3.org/2000/svg" width="{Columns * Width}" height="{rows * Height}" font-family="sans-serif" font-size="10"><rect width="100%" height="100%" fill="white"/>""");
        for (int i = 0; i < names.Length; i++) DrawFigure(svg, names[i], runs, i % Columns * Width, i / Columns * Height);
        return svg.AppendLine("</svg>").ToString();
    }

    private static void DrawFigure(StringBuilder svg, string name, List<JsonElement> runs, int x, int y)
    {
        List<(int Run, double Value)> points = [];
        for (int run = 0; run < runs.Count; run++)
            if (runs[run].GetProperty("figures").TryGetProperty(name, out JsonElement value)) points.Add((run, value.GetDouble()));
        double most = Math.Max(points.Max(static point => point.Value), double.Epsilon);
        string At((int Run, double Value) point) => string.Create(CultureInfo.InvariantCulture,
            $"{x + Left + (runs.Count > 1 ? (double)PlotWidth * point.Run / (runs.Count - 1) : PlotWidth):F1},{y + Top + PlotHeight * (1 - point.Value / most):F1}");

        svg.AppendLine(
            CultureInfo.InvariantCulture, $"""<text x="{x + Left}" y="{y + 14}" font-weight="bold">{WebUtility.HtmlEncode(name)}</text>""");
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"""<path d="M{x + Left},{y + Top} v{PlotHeight} h{PlotWidth}" fill="none" stroke="#bbb"/><text x="{x + Left + 2}" y="{y + Top - 4}" fill="#777">{most:G4}</text>""");
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"""<polyline points="{string.Join(' ', points.Select(At))}" fill="none" stroke="#2266aa" stroke-width="1.5"/>""");
        foreach (var point in points)
        {
            string[] at = At(point).Split(',');
            svg.AppendLine(CultureInfo.InvariantCulture,
                $"""<circle cx="{at[0]}" cy="{at[1]}" r="2" fill="#2266aa"><title>{WebUtility.HtmlEncode(runs[point.Run].GetProperty("version").GetString())}: {point.Value:G6}</title></circle>""");
        }

        svg.AppendLine(CultureInfo.InvariantCulture,
            $"""<text x="{x + Left + PlotWidth + 6}" y="{At(points[^1]).Split(',')[1]}">{points[^1].Value:G4}</text>""");
    }
}
