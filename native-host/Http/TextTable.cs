using System.Text;

namespace Tempo.Host.Http;

/// <summary>Rows of text in a frame of ASCII, for pages that people read.</summary>
internal static class TextTable
{
    /// <summary>The first row is the heading; all have as many cells.</summary>
    public static string Render(IReadOnlyList<string[]> rows)
    {
        var widths = new int[rows[0].Length];
        foreach (var row in rows)
            for (var i = 0; i < widths.Length; i++)
                widths[i] = Math.Max(widths[i], row[i].Length);
        var text = new StringBuilder();
        AppendLine(text, widths);
        for (var i = 0; i < rows.Count; i++)
        {
            for (var column = 0; column < widths.Length; column++)
                text.Append(column == 0 ? "| " : " | ").Append(rows[i][column].PadRight(widths[column]));
            text.Append(" |\n");
            if (i == 0) AppendLine(text, widths);
        }

        AppendLine(text, widths);
        return text.ToString();
    }

    private static void AppendLine(StringBuilder text, int[] widths)
    {
        foreach (var width in widths) text.Append('+').Append('-', width + 2);
        text.Append("+\n");
    }
}
