using Microsoft.AspNetCore.Http;
using Tempo.Engine.Foundation;
using Tempo.Engine.Query;
using Tempo.Host.Http;
using Tempo.Host.Startup;
using Xunit;

namespace Tempo.Host.Tests.Startup;

/// <summary>What a request ends with that throws.</summary>
public sealed class ListenerApplicationTests
{
    private sealed class Spare : IKeepsSpareMemory
    {
        public int LettingGo { get; private set; }

        public void LetGo() => LettingGo++;
    }

    [Fact]
    public async Task What_found_no_memory_is_to_be_tried_again_and_pools_have_let_go()
    {
        var spare = new Spare();
        SpareMemory.Register(spare);
        var (context, text) = await AnswerAsync(static () => throw new InsufficientMemoryException());
        Assert.Equal((503, "1", "there is no memory for this now, try again\n"), (context.Response.StatusCode, context.Response.Headers.RetryAfter.ToString(), text));
        Assert.True(spare.LettingGo > 0);
    }

    [Theory]
    [InlineData(QueryErrorKind.TooLarge, 422)]
    [InlineData(QueryErrorKind.Busy, 429)]
    public async Task A_query_that_is_refused_while_its_answer_is_written_is_refused(QueryErrorKind kind, int status)
    {
        var (context, text) = await AnswerAsync(() => throw new QueryException(kind, "too much"));
        Assert.Equal((status, "too much"), (context.Response.StatusCode, text));
    }

    [Fact]
    public async Task Anything_else_is_a_fault_of_ours_and_tells_nothing()
    {
        var (context, text) = await AnswerAsync(static () => throw new InvalidOperationException("secret"));
        Assert.Equal((500, "internal error\n"), (context.Response.StatusCode, text));
    }

    /// <summary>A long answer is asked for block by block, and given back; a short one is never refused.</summary>
    [Fact]
    public void A_long_answer_takes_of_what_all_answers_may()
    {
        var before = QueryMemory.OfProcess.TakenBytes;
        using (var answer = new AnswerBuffer())
        {
            answer.GetSpan(1 << 20);
            answer.Advance(1 << 20);
            Assert.Equal(before, QueryMemory.OfProcess.TakenBytes);
            answer.GetSpan(1 << 22);
            Assert.Equal(before + (1 << 22), QueryMemory.OfProcess.TakenBytes);
        }

        Assert.Equal(before, QueryMemory.OfProcess.TakenBytes);
    }

    private static async Task<(HttpContext Context, string Text)> AnswerAsync(Action handle)
    {
        var context = new DefaultHttpContext();
        using var body = new MemoryStream();
        context.Response.Body = body;
        await new ListenerApplication(_ =>
        {
            handle();
            return Task.CompletedTask;
        }, Log.Null).ProcessRequestAsync(context);
        await context.Response.BodyWriter.FlushAsync(TestContext.Current.CancellationToken);
        return (context, System.Text.Encoding.UTF8.GetString(body.ToArray()));
    }
}
