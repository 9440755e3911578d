using System.Text.RegularExpressions;
using Tempo.Engine.Parquet;

namespace Tempo.Format.Tests;

/// <summary>The table of columns in engine/storage/Blocks/FORMAT.md.</summary>
internal sealed class ColumnTable
{
    private const string Header = "| column | encodings | read by | why |";

    private ColumnTable(IReadOnlyList<ColumnRow> rows) => Rows = rows;

    public IReadOnlyList<ColumnRow> Rows { get; }

    public static ColumnTable Load()
    {
        var lines = File.ReadAllLines(GoldenFolder.PathOf("../../engine/storage/Blocks/FORMAT.md"));
        return new ColumnTable(
            [.. lines.SkipWhile(static line => line != Header).Skip(2).TakeWhile(static line => line.StartsWith('|'))
                .Select(static line => ColumnRow.Parse(line.Split('|')))]);
    }

    /// <summary>The only row of a leaf.</summary>
    public ColumnRow RowOf(string leaf)
    {
        var rows = Rows.Where(row => row.Names(leaf)).ToList();
        Assert.True(rows.Count == 1, $"FORMAT.md's table has {rows.Count} rows for {leaf}");
        return rows[0];
    }
}

/// <param name="Columns">As they stand in the table: '…' is any beginning, '*' any part of a name.</param>
/// <param name="Encodings">Of data pages.</param>
/// <param name="Readers">Letters.</param>
internal sealed partial record ColumnRow(string Columns, IReadOnlySet<PageEncoding> Encodings, string Readers)
{
    public static ColumnRow Parse(string[] cells) =>
        new(cells[1].Trim(), Words().Matches(cells[2]).Select(static word => EncodingOf(word.Value)).ToHashSet(), cells[3].Trim());

    public bool Names(string leaf) =>
        Columns.Split(", ").Any(
            pattern => Regex.IsMatch(
                leaf, "^" + Regex.Escape(pattern).Replace("…", @"(.*\.)?", StringComparison.Ordinal)
                    .Replace(@"\*", "[A-Za-z0-9]*", StringComparison.Ordinal) + "$"));

    private static PageEncoding EncodingOf(string word) => word switch
    {
        "PLAIN" => PageEncoding.Plain,
        "dictionary" => PageEncoding.RleDictionary,
        "DELTA_BINARY_PACKED" => PageEncoding.DeltaBinaryPacked,
        "DELTA_LENGTH_BYTE_ARRAY" => PageEncoding.DeltaLengthByteArray,
        _ => PageEncoding.DeltaByteArray,
    };

    [GeneratedRegex("PLAIN|dictionary|DELTA_[A-Z_]+")]
    private static partial Regex Words();
}
