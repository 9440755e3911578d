using System.Text;
using System.Text.Json;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class JsonUnicodeTests
{
    // Whatever is said to be sound can be read as text, and what can be read is said to be sound.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void SoundIsWhatTheFrameworkReads(int seed)
    {
        string[] pieces = ["a", "\\\\", "\\n", "\\u0041", "\\ud83d", "\\ude00", "\\uD83D\\uDE00", "\\\\u", "d83d", "\\\"", "é", "€", "😀"];
        var random = new Random(seed);
        for (var round = 0; round < 20_000; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => pieces[random.Next(pieces.Length)]));
            var bytes = Encoding.UTF8.GetBytes($"[\"{text}\"]");
            if (random.Next(10) == 0) bytes[random.Next(2, bytes.Length - 1)] = 0xC3;
            var isRead = true;
            try
            {
                using var json = JsonDocument.Parse(bytes);
                json.RootElement[0].GetString();
            }
            catch (JsonException)
            {
                continue; // no JSON: nothing is said
            }
            catch (InvalidOperationException)
            {
                isRead = false;
            }

            Assert.True(isRead == JsonUnicode.IsSound(bytes), $"seed {seed}, round {round}: {text}");
        }
    }
}
