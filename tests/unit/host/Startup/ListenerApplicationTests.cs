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
        Assert.Equal((503, "1", "there is no memory for this now, try again\n"),
            (context.Response.StatusCode, context.Response.Headers.RetryAfter.ToString(), text));
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
