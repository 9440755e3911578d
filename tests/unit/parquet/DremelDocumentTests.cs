using System.Text;
using Tempo.Engine.Parquet;
using Xunit;

namespace Tempo.Parquet.Tests;

/// <summary>The two records of the Dremel paper (Melnik et al., 2010, figures 2 and 3), whose levels are printed there.</summary>
public sealed class DremelDocumentTests
{
    private static readonly ParquetSchema Schema = new(
        "Document",
        SchemaNode.Int64("DocId"),
        SchemaNode.Group(
            "Links",
            Repetition.Optional,
            SchemaNode.Int64("Backward", Repetition.Repeated),
            SchemaNode.Int64("Forward", Repetition.Repeated)),
        SchemaNode.Group(
            "Name",
            Repetition.Repeated,
            SchemaNode.Group("Language", Repetition.Repeated, SchemaNode.Text("Code"), SchemaNode.Text("Country", Repetition.Optional)),
            SchemaNode.Text("Url", Repetition.Optional)));

    /// <summary>Path, repetition levels, definition levels, values (numbers or texts) of both records.</summary>
    private static readonly (string Path, byte[] Repetition, byte[] Definition, string[] Values)[] Columns =
    [
        ("DocId", [0, 0], [0, 0], ["10", "20"]),
        ("Links.Backward", [0, 0, 1], [1, 2, 2], ["10", "30"]),
        ("Links.Forward", [0, 1, 1, 0], [2, 2, 2, 2], ["20", "40", "60", "80"]),
        ("Name.Language.Code", [0, 2, 1, 1, 0], [2, 2, 1, 2, 1], ["en-us", "en", "en-gb"]),
        ("Name.Language.Country", [0, 2, 1, 1, 0], [3, 2, 1, 3, 1], ["us", "gb"]),
        ("Name.Url", [0, 1, 1, 0], [2, 2, 1, 2], ["http://A", "http://B", "http://C"]),
    ];

    [Fact]
    public void Leaves_have_the_levels_of_the_paper()
    {
        Assert.Equal(
            ["DocId 0 0", "Links.Backward 1 2", "Links.Forward 1 2", "Name.Language.Code 2 2", "Name.Language.Country 2 3", "Name.Url 1 2"],
            Schema.Columns.Select(static c => $"{c.Path} {c.MaxRepetitionLevel} {c.MaxDefinitionLevel}"));
    }

    [Fact]
    public void Records_come_back_with_their_schema()
    {
        var reader = ParquetFileReader.Open(new MemoryParquetSource(WriteDocument()));
        Assert.Equal(Describe(Schema.Root), Describe(reader.Schema.Root));
        var data = new ColumnData();
        foreach (var (path, repetition, definition, values) in Columns)
        {
            var column = reader.Schema.GetColumn(path);
            reader.OpenColumn(0, column).Read(0, 2, data);
            Assert.Equal(values, Values(column, data));
            if (column.MaxRepetitionLevel == 0) continue;
            Assert.Equal(repetition, data.RepetitionLevels[..data.LevelCount]);
            Assert.Equal(definition, data.DefinitionLevels[..data.LevelCount]);
        }
    }

    [Fact]
    public void The_second_record_alone_begins_at_its_own_levels()
    {
        var reader = ParquetFileReader.Open(new MemoryParquetSource(WriteDocument()));
        var data = new ColumnData();
        reader.OpenColumn(0, reader.Schema.GetColumn("Links.Backward")).Read(1, 1, data);
        Assert.Equal([0, 1], data.RepetitionLevels[..data.LevelCount]);
        Assert.Equal([10L, 30L], data.Int64s[..data.ValueCount]);
    }

    private static byte[] WriteDocument()
    {
        var sink = new MemoryStream();
        var writer = new ParquetFileWriter(sink, Schema);
        writer.BeginRowGroup(2);
        foreach (var column in Schema.Columns)
        {
            var (_, repetition, definition, values) = Columns[column.Index];
            var chunk = writer.CreateColumn(column);
            var levels = new PageLevels
            {
                RowCount = 2,
                LevelCount = repetition.Length,
                NullCount = repetition.Length - values.Length,
                Repetition = ColumnSample.Encode(repetition, column.MaxRepetitionLevel),
                Definition = ColumnSample.Encode(definition, column.MaxDefinitionLevel),
            };
            if (column.Type == PhysicalType.Int64) chunk.WritePlain(levels, values.Select(long.Parse).ToArray());
            else chunk.WritePlain(levels, new ByteArrayValues(Table(values)));
            writer.WriteColumn(chunk);
        }

        writer.Finish();
        return sink.ToArray();
    }

    private static ByteArrayTable Table(string[] values)
    {
        var table = new ByteArrayTable();
        foreach (var value in values) table.Append(Encoding.UTF8.GetBytes(value));
        return table;
    }

    private static IEnumerable<string> Values(ParquetColumn column, ColumnData data) => column.Type == PhysicalType.Int64
        ? data.Int64s[..data.ValueCount].Select(static v => v.ToString(System.Globalization.CultureInfo.InvariantCulture))
        : data.Codes[..data.ValueCount].Select(c => Encoding.UTF8.GetString(data.Table[c]));

    private static string Describe(SchemaNode node) =>
        $"{node.Name}:{node.Repetition}:{node.Type}:{node.ConvertedType}:{node.LogicalKind}:{node.IntegerBits}:{node.IsUnsigned}({string.Join(',', node.Children.Select(Describe))})";
}
