using System.Globalization;
using System.Text;
using Tempo.Engine.Otlp.Foreign.Zipkin;
using Xunit;

namespace Tempo.Otlp.Tests.Foreign;

public class HexIdTests
{
    [Fact]
    public void Digits_of_either_case_are_the_number_that_they_write()
    {
        var random = new Random(7);
        for (var round = 0; round < 2000; round++)
        {
            var (high, low) =
                ((ulong)random.NextInt64(long.MinValue, long.MaxValue), (ulong)random.NextInt64(long.MinValue, long.MaxValue));
            var format = round % 2 == 0 ? "x" : "X";
            Assert.Equal((0UL, low), Parse(low.ToString(format + "16", CultureInfo.InvariantCulture)));
            Assert.Equal((high, low), Parse(
                high.ToString(format, CultureInfo.InvariantCulture) + low.ToString(format + "16", CultureInfo.InvariantCulture)));
            Assert.Equal((0UL, low), Parse(low.ToString(format, CultureInfo.InvariantCulture)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(32)]
    public void Every_other_byte_at_every_place_is_none(int length)
    {
        for (var place = 0; place < length; place++)
            for (var other = 0; other < 256; other++)
            {
                var text = Encoding.ASCII.GetBytes(new string('a', length));
                text[place] = (byte)other;
                Assert.Equal(char.IsAsciiHexDigit((char)other), HexId.TryParse(text, out _, out _));
            }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(33)]
    public void Another_length_is_none(int length) =>
        Assert.False(HexId.TryParse(Encoding.ASCII.GetBytes(new string('1', length)), out _, out _));

    private static (ulong High, ulong Low) Parse(string text)
    {
        Assert.True(HexId.TryParse(Encoding.ASCII.GetBytes(text), out var high, out var low), text);
        return (high, low);
    }
}
