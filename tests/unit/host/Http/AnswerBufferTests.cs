using Tempo.Engine.Query;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

/// <summary>The blocks in which an answer is written.</summary>
public sealed class AnswerBufferTests
{
    /// <summary>A long answer is asked for block by block, and given back; a short one is never refused.</summary>
    [Fact]
    public void A_long_answer_takes_of_what_all_answers_may()
    {
        var memory = new QueryMemory(1 << 24);
        using (var answer = new AnswerBuffer(memory))
        {
            answer.GetSpan(1 << 20);
            answer.Advance(1 << 20);
            Assert.Equal(0, memory.TakenBytes);
            answer.GetSpan(1 << 22);
            Assert.Equal(1 << 22, memory.TakenBytes);
        }

        Assert.Equal(0, memory.TakenBytes);
    }
}
