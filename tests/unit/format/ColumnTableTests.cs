using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Blocks.Versions;
using Tempo.Engine.Storage.Scan;
using Tempo.Storage.Tests;

namespace Tempo.Format.Tests;

/// <summary>
/// FORMAT.md's table of columns is what is written and who reads it: each leaf's encodings are looked up in blocks that bring each column
/// to all of its encodings, and each leaf's values, as other readers find them, are compared with what this engine finds.
/// </summary>
public sealed class ColumnTableTests
{
    private static readonly string Senders = GoldenFolder.PathOf("../system/senders");

    // By their letters in the table.
    private static readonly (char Letter, string Name)[] Readers = [('D', "duckdb"), ('H', "hyparquet"), ('A', "arrow")];

    // The other blocks are large, and have the encodings of numbers that these have, too, or are like them but for their length.
    public static TheoryData<string, string> Blocks =>
        [.. from version in Versions from name in new[] { "random", "texts" } select (version, name)];

    private static IEnumerable<string> Versions =>
        BlockVersion.All.Where(static version => version.CanWrite).Select(static version => version.Name);

    [Fact]
    public void Each_leaf_is_written_as_the_table_says()
    {
        var table = ColumnTable.Load();
        var seen = table.Rows.ToDictionary(static row => row.Columns, static _ => new HashSet<PageEncoding>());
        var withValues = new HashSet<string>();
        foreach (var version in Versions)
            foreach (var name in ColumnBlocks.Names(version))
                foreach (var (leaf, encoding) in EncodingsOf(
                    ParquetFileReader.Open(new MemoryParquetSource(ColumnBlocks.Write(name, version, pageSpans: 200))), version))
                {
                    var row = table.RowOf(leaf);
                    Assert.True(row.Encodings.Contains(encoding),
                        $"{version}, {name}: {leaf} is written as {encoding}; the table says {string.Join(", ", row.Encodings)}");
                    seen[row.Columns].Add(encoding);
                    withValues.Add($"{version} {leaf}");
                }

        Assert.All(table.Rows, row => Assert.Equal(row.Encodings.Order(), seen[row.Columns].Order()));
        // All but the columns that vParquet4 has for attributes that nobody has named, and those that it keeps elsewhere.
        var without = Versions.SelectMany(
            static version => BlockVersion.Get(version)
                .BuildSchema(TestColumns.Some).Columns.Select(column => $"{version} {NameOf(column, version)}")).Except(withValues);
        Assert.All(without, static leaf => Assert.Matches(@"^vParquet4 .*\.DedicatedAttributes\.String\d\d$", leaf));
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public async Task Each_leaf_is_read_by_those_that_the_table_names(string version, string block)
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Senders, "node_modules", "parquet-wasm")),
            "tests/system/senders/node_modules is missing: npm ci there");
        var folder = Directory.CreateTempSubdirectory("tempo-columns-").FullName;
        try
        {
            var (data, leaves) = (Path.Combine(folder, "data.parquet"), Path.Combine(folder, "leaves.json"));
            await File.WriteAllBytesAsync(data, ColumnBlocks.Write(block, version), TestContext.Current.CancellationToken);
            using var source = new FileParquetSource(data);
            var file = ParquetFileReader.Open(source);
            var ours = file.Schema.Columns.ToDictionary(column => NameOf(column, version), column => DigestOf(file, column));
            await File.WriteAllTextAsync(leaves, LeavesOf(file.Schema, version).ToJsonString(), TestContext.Current.CancellationToken);
            var table = ColumnTable.Load();
            foreach (var (letter, name) in Readers)
            {
                var theirs = await ReadAsync(name, data, leaves);
                Assert.All(ours, leaf => Assert.Equal((leaf.Key, table.RowOf(leaf.Key).Readers.Contains(letter, StringComparison.Ordinal)),
                    (leaf.Key, theirs[leaf.Key] == leaf.Value)));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // A page without values is PLAIN, whatever the column: so row groups have one page, or pages with values.
    private static IEnumerable<(string Leaf, PageEncoding Encoding)> EncodingsOf(ParquetFileReader file, string version)
    {
        var values = new ColumnData();
        for (var group = 0; group < file.RowGroups.Count; group++)
            foreach (var column in file.Schema.Columns)
            {
                var reader = file.OpenColumn(group, column);
                reader.Read(0, (int)reader.RowCount, values);
                if (values.ValueCount == 0) continue;
                var isDictionary = reader.Chunk.DictionaryPageOffset > 0;
                var encodings = reader.Chunk.Encodings.Where(static encoding => encoding != PageEncoding.Rle).ToList();
                // The page of the dictionary itself is PLAIN; that of data pages there may be only where nothing else follows a dictionary.
                if (isDictionary && (reader.Chunk.IsDictionaryOnly || encodings.Count > 2)) encodings.Remove(PageEncoding.Plain);
                foreach (var encoding in encodings) yield return (NameOf(column, version), encoding);
            }
    }

    // As the table names it: by the path in vParquet5, and whether it is a large text by the operator's word.
    private static string NameOf(ParquetColumn column, string version)
    {
        var path = column.PathParts.Contains("key_value")
            ? "ServiceStats." + column.PathParts[^1].Replace("key", "ServiceName", StringComparison.Ordinal)
            : column.Path.Replace(".list.element", "", StringComparison.Ordinal);
        var scope = path.StartsWith("rs.Resource.", StringComparison.Ordinal) ? AttributeScope.Resource
            : path.Contains(".Events.", StringComparison.Ordinal) ? AttributeScope.Event
            : AttributeScope.Span;
        var columns = BlockVersion.Get(version).Supported(TestColumns.Some);
        var isBlob = path.Contains(".DedicatedAttributes.", StringComparison.Ordinal)
            && columns.Of(scope).Any(
                entry => entry.Field == column.PathParts.Last(static part => part is not ("list" or "element"))
                    && entry.Spec.Options.HasFlag(DedicatedColumnOptions.Blob));
        return isBlob ? path + " (blob)" : path;
    }

    private static JsonArray LeavesOf(ParquetSchema schema, string version) =>
        [.. schema.Columns.Select(column => (JsonNode)new JsonObject
        {
            ["name"] = NameOf(column, version),
            ["path"] = new JsonArray(
                [.. (column.PathParts.Contains("key_value")
                    ? column.PathParts
                    : NameOf(column, version).Replace(" (blob)", "", StringComparison.Ordinal).Split('.')).Select(static part =>
                        (JsonNode)part!)]),
            ["type"] = column.Type switch { PhysicalType.ByteArray => "bytes", PhysicalType.Double => "double",
                PhysicalType.Boolean => "bool", _ => "int" },
        })];

    /// <summary>As read-columns.mjs makes it.</summary>
    private static (int Count, string Sha256) DigestOf(ParquetFileReader file, ParquetColumn column)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var values = new ColumnData();
        var count = 0;
        for (var group = 0; group < file.RowGroups.Count; group++)
        {
            var reader = file.OpenColumn(group, column);
            reader.Read(0, (int)reader.RowCount, values);
            var row = new StringBuilder();
            var (value, valuesOfRow) = (0, 0);
            for (var level = 0; level < values.LevelCount; level++)
            {
                if (level > 0 && (column.MaxRepetitionLevel == 0 || values.RepetitionLevels[level] == 0)) End();
                if (column.MaxDefinitionLevel > 0 && values.DefinitionLevels[level] < column.MaxDefinitionLevel) continue;
                row.Append(valuesOfRow++ > 0 ? "," : "").Append(TextOf(values, column, value++));
                count++;
            }

            End();

            void End()
            {
                hash.AppendData(Encoding.UTF8.GetBytes(row.Append(';').ToString()));
                row.Clear();
                valuesOfRow = 0;
            }
        }

        return (count, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static string TextOf(ColumnData values, ParquetColumn column, int i) => column.Type switch
    {
        PhysicalType.ByteArray => Convert.ToHexStringLower(values.Table[values.Codes[i]]),
        PhysicalType.Boolean => values.Booleans[i] == 0 ? "0" : "1",
        PhysicalType.Double when double.IsNaN(values.Doubles[i]) => "NaN",
        PhysicalType.Double => BitConverter.DoubleToUInt64Bits(values.Doubles[i]).ToString("x16", CultureInfo.InvariantCulture),
        PhysicalType.Int32 when column.Node.IsUnsigned => ((uint)values.Int32s[i]).ToString(CultureInfo.InvariantCulture),
        PhysicalType.Int32 => values.Int32s[i].ToString(CultureInfo.InvariantCulture),
        _ when column.Node.IsUnsigned => ((ulong)values.Int64s[i]).ToString(CultureInfo.InvariantCulture),
        _ => values.Int64s[i].ToString(CultureInfo.InvariantCulture),
    };

    private static async Task<Dictionary<string, (int Count, string Sha256)>> ReadAsync(string reader, string data, string leaves)
    {
        using var node = Process.Start(
            new ProcessStartInfo(
                "node", [Path.Combine(Senders, "read-columns.mjs"), reader, data, leaves])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true
            })!;
        var errors = node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(node.ExitCode == 0, $"{reader}: {await errors}");
        using var printed = JsonDocument.Parse(output);
        return printed.RootElement.EnumerateObject()
            .ToDictionary(static leaf =>
                leaf.Name, static leaf => (leaf.Value.GetProperty("count").GetInt32(), leaf.Value.GetProperty("sha256").GetString()!));
    }
}
