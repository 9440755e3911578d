using System.Text;
using Tempo.Engine.Parquet;

namespace Tempo.Format.Tests;

/// <summary>
/// Entries that come in slices are those that come at once: of the golden blocks' leaves, so of each encoding, codec and page version.
/// </summary>
public sealed class SliceTests
{
    public static TheoryData<string> Files => GoldenBlocksTests.Files;

    [Theory]
    [MemberData(nameof(Files))]
    public void Slices_are_what_rows_are(string file)
    {
        var reader = ParquetFileReader.Open(new MemoryParquetSource(File.ReadAllBytes(GoldenFolder.PathOf("blocks", file))));
        for (var group = 0; group < reader.RowGroups.Count; group++)
            foreach (var column in reader.Schema.Columns)
            {
                var rows = (int)reader.RowGroups[group].RowCount;
                for (var start = 0; start < rows; start++)
                    for (var count = 1; count <= rows - start; count++)
                        foreach (var most in (int[])[1, 3, 1000])
                            Assert.Equal(Whole(reader.OpenColumn(group, column), start, count),
                                Sliced(reader.OpenColumn(group, column), start, count, most));
            }
    }

    private static string Whole(ColumnReader column, int start, int count)
    {
        var (data, text) = (new ColumnData(), new StringBuilder());
        column.Read(start, count, data);
        Append(text, column.Column, data);
        return text.ToString();
    }

    private static string Sliced(ColumnReader column, int start, int count, int most)
    {
        var (data, text) = (new ColumnData(), new StringBuilder());
        column.ReadSlices(start, count, most, data, () =>
        {
            Assert.InRange(data.LevelCount, 1, most);
            Append(text, column.Column, data);
        });
        return text.ToString();
    }

    private static void Append(StringBuilder text, ParquetColumn column, ColumnData data)
    {
        for (int entry = 0, value = 0; entry < data.LevelCount; entry++)
        {
            var hasValue = column.MaxDefinitionLevel == 0 || data.DefinitionLevels[entry] == column.MaxDefinitionLevel;
            text.Append(column.MaxRepetitionLevel == 0 ? 0 : data.RepetitionLevels[entry]).Append('/')
                .Append(column.MaxDefinitionLevel == 0 ? 0 : data.DefinitionLevels[entry]);
            if (hasValue) text.Append('=').Append(Text(column, data, value++));
            text.Append('\n');
        }
    }

    private static string Text(ParquetColumn column, ColumnData data, int value) => column.Type switch
    {
        PhysicalType.Int32 => $"{data.Int32s[value]}",
        PhysicalType.Int64 => $"{data.Int64s[value]}",
        PhysicalType.Double => $"{BitConverter.DoubleToInt64Bits(data.Doubles[value])}",
        PhysicalType.Boolean => $"{data.Booleans[value]}",
        _ => Convert.ToHexString(data.Table[data.Codes[value]]),
    };
}
