using Tempo.Engine.Otlp.Json;
using Xunit;

namespace Tempo.Otlp.Tests;

public sealed class PlainTextTests
{
    [Fact]
    public void Each_byte_at_each_place_of_each_length_is_judged_as_byte_by_byte()
    {
        for (var length = 1; length <= 70; length++)
        {
            var text = new byte[length];
            for (var place = 0; place < length; place++)
            {
                for (var value = 0; value <= 255; value++)
                {
                    Array.Fill(text, (byte)'a');
                    text[place] = (byte)value;
                    var (copied, expected) = (new byte[length + 5], new byte[length]);
                    var isPlain = PlainText.TryCopyScalar(text, expected);
                    Assert.True(isPlain == PlainText.TryCopy(text, copied), $"{value} at {place} of {length}");
                    if (!isPlain) continue;
                    Assert.True(copied.AsSpan(0, length).SequenceEqual(expected), $"{value} at {place} of {length}");
                    Assert.True(copied.AsSpan(length).IndexOfAnyExcept((byte)0) < 0, $"written behind the text of {length}");
                }
            }
        }

        Assert.True(PlainText.TryCopy([], []));
    }

    [Fact]
    public void Nothing_is_read_or_written_outside() =>
        Assert.Throws<ArgumentOutOfRangeException>(static () => PlainText.TryCopy("abc"u8, new byte[2]));
}
